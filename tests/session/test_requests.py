"""Requests that can wait are kept with the batch, and answered as far as that can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ftrack_api.symbol
import pytest

from tests.session.test_events import held
from tests.support.servers import Server
from tests.support.sessions import kinds, updates
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, Kind
from trackteroid_cli.errors import CannotDefer, CannotReadBack
from trackteroid_cli.session.session import Session


def request(action: str, **data: Any) -> FollowUp:
    return FollowUp(Kind.REQUEST, {"action": action, **data})


def test_invitations_are_kept_in_order(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    users = session.query("User").all()[:2]
    invitee = {"id": "an-invitee"}
    with session.deferred_operations(batch):
        assert session.send_user_invites(users) is None
        assert session.send_review_session_invite(invitee) is None
        assert users[1].send_invite() is None
    assert held(batch) == [
        request("send_user_invite", user_id=users[0]["id"]),
        request("send_user_invite", user_id=users[1]["id"]),
        request("send_review_session_invite", review_session_invitee_id="an-invitee"),
        request("send_user_invite", user_id=users[1]["id"]),
    ]
    assert kinds(batch) == []
    assert not any("send_user_invite" in actions for actions in server.requests)


def test_a_raw_call_may_mix_them_with_writes_and_queries(
    session: Session, shot: Any, batch: Path
) -> None:
    user = session.query("User").first()
    update = {
        "action": "update",
        "entity_type": "Shot",
        "entity_key": [shot["id"]],
        "entity_data": {"description": "raw"},
    }
    query = {
        "action": "query",
        "expression": f"select description from Shot where id is {shot['id']}",
    }
    with session.deferred_operations(batch):
        answers = session.call(
            [{"action": "send_user_invite", "user_id": user["id"]}, update, query]
        )
    assert answers[0] == {"action": "send_user_invite", "sent": True}
    assert answers[2]["data"][0]["description"] == "raw"
    assert [each["new_value"] for each in updates(batch, "description")] == ["raw"]
    assert held(batch) == [request("send_user_invite", user_id=user["id"])]


def test_media_to_encode_have_a_job_that_waits(session: Session, batch: Path) -> None:
    component, version = (
        session.query("FileComponent").first(),
        session.query("AssetVersion").first(),
    )
    with session.deferred_operations(batch):
        job = version.encode_media(component)
        assert (job.entity_type, job["status"]) == ("Job", "queued")
        assert session.get("Job", job["id"]) is job
        (answer,) = session.call([{"action": "encode_media", "component_id": component["id"]}])
        assert session.get("Job", answer["job_id"])["status"] == "queued"
    ids = {"component_id": component["id"], "version_id": version["id"]}
    assert held(batch) == [
        request("encode_media", **ids, keep_original=True),
        request("encode_media", component_id=component["id"]),
    ]
    assert session.query(f"Job where id is {job['id']}").all() == []


def populate(session: Session, job: Any) -> None:
    session.populate(job, "status")


def read_data(session: Session, job: Any) -> None:
    job["data"]


def query(session: Session, job: Any) -> None:
    session.query(f'Job where id is "{job["id"]}"').one()


def list_jobs(session: Session, job: Any) -> None:
    session.query("Job where status is queued").all()


def list_from_users(session: Session, job: Any) -> None:
    session.query("select jobs.status from User").all()


def by_a_raw_call(session: Session, job: Any) -> None:
    session.call([{"action": "query", "expression": "select id from JobComponent"}])


def after_forgetting(session: Session, job: Any) -> None:
    session.reset()
    session.get("Job", job["id"])


@pytest.mark.parametrize(
    "ask",
    [populate, read_data, query, list_jobs, list_from_users, by_a_raw_call, after_forgetting],
)
def test_waiting_for_the_job_is_refused_at_its_line(
    session: Session, batch: Path, ask: Callable[[Session, Any], None]
) -> None:
    component = session.query("FileComponent").first()
    with session.deferred_operations(batch, allow_refused=True):
        assert isinstance(session.query("Job").all(), list)
        job = session.encode_media(component)
        with pytest.raises(CannotReadBack, match="cannot ask for jobs") as caught:
            ask(session, job)
        assert f"{__file__}, line {ask.__code__.co_firstlineno + 1}" in caught.value.line or (
            ask is after_forgetting
        )
        # A text that only looks like it is none.
        assert session.query('Shot where name is "Job" or name is "my jobs"').all() == []


def test_an_operation_that_names_the_job_is_refused(session: Session, batch: Path) -> None:
    component = session.query("FileComponent").first()
    with session.deferred_operations(batch, allow_refused=True):
        job = session.encode_media(component)
        session.create("JobComponent", {"job_id": job["id"], "component_id": component["id"]})
        with pytest.raises(CannotDefer, match="names a Job"):
            session.commit()
        session.rollback()
        with pytest.raises(CannotDefer, match="names a Job"):
            session.call([{"action": "encode_media", "component_id": job["id"]}])
    assert len(held(batch)) == 1


def test_a_component_that_is_uploaded_is_encoded_once_the_batch_has_landed(
    session: Session, server: Server, tmp_path: Path, batch: Path
) -> None:
    movie = tmp_path / "movie.mov"
    movie.write_bytes(b"frames")
    version = session.query("AssetVersion").first()
    server.requests.clear()
    with session.deferred_operations(batch):
        place = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
        component = version.create_component(str(movie), {"name": "main"}, location=place)
        version.encode_media(component)
    asked = [action for actions in server.requests for action in actions]
    assert not {"get_upload_metadata", "encode_media", "create"} & set(asked)
