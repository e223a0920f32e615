"""Count shots by status and sum bids on the server, before and after a change."""

import ftrack_api

session = ftrack_api.Session(strict_api=True)


def rows(expression):
    """Return the rows of an aggregate query."""
    (result,) = session.call([{"action": "query", "expression": expression}])
    return result["data"]


def report():
    for row in rows("select count(id), status.name from Shot group by status.name"):
        print({key: value for key, value in row.items() if key != "__entity_type__"})


report()
status = session.query('Status where name is "On Hold"').one()
for shot in session.query('Shot where status.name is "Not started"').all():
    shot["status"] = status
session.commit()
report()
