"""Write what a camera says into the metadata of the components of published versions."""

import json

import ftrack_api

session = ftrack_api.Session()
session.ensure("Scope", {"name": "metadata"})
for component in session.query('Component where version.asset.type.name is "Comp"').all():
    component["metadata"]["ftr_meta"] = json.dumps({"frameIn": 1001, "frameRate": 24})
    component["metadata"]["lens"] = "35mm"
session.commit()

found = session.query('Component where metadata any (key is "lens" and value is "35mm")').all()
print(len(found), {json.loads(each["metadata"]["ftr_meta"])["frameIn"] for each in found})
del found[0]["metadata"]["lens"]
found[1]["metadata"]["lens"] = "50mm"
session.commit()
for lens in ("35mm", "50mm"):
    print(lens, len(session.query(f'Component where metadata any (value is "{lens}")')))
print(sorted(found[0]["metadata"].keys()))
