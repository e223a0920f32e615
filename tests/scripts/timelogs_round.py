"""Round the time that was logged to quarters of an hour, and drop what is too short."""

import ftrack_api

QUARTER = 900

with ftrack_api.Session() as session:
    user = session.query('User where username is "dana.whitlock"').one()
    task = session.query('Task where timelogs any (user.username is "dana.whitlock")').first()
    for seconds in (200, 1300, 4000):
        session.create(
            "Timelog",
            {
                "user_id": user["id"],
                "context_id": task["id"],
                "duration": seconds,
                "start": "2024-04-02T10:00:00",
            },
        )
    session.commit()
    for log in session.query('Timelog where user.username is "dana.whitlock"').all():
        rounded = round(log["duration"] / QUARTER) * QUARTER
        if not rounded:
            session.delete(log)
        elif rounded != log["duration"]:
            log["duration"] = rounded
            log["comment"] = "rounded"
    session.commit()
    rounded = session.query('Timelog where comment is "rounded" order by duration desc')
    print([log["duration"] for log in rounded])
    print(len(session.query(f'Timelog where context_id is "{task["id"]}"')), "logs")
    print(len(session.query("Timelog where duration < 900")), "too short")
