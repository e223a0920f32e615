"""Invitations to review sessions.

Source: ``ftrack_api/session.py``, `send_review_session_invites`.
"""

from __future__ import annotations

from trackteroid_cli.engine.actions.request import Action, Answer, Operation, Request, text
from trackteroid_cli.engine.storage.errors import ValidationError


def _send_invite(request: Request, operation: Operation) -> Answer:
    """Note that an invitation was sent; the sandbox sends no mail to anybody."""
    transaction = request.transaction
    entity_type = transaction.entity_type("ReviewSessionInvitee")
    invitee = transaction.get(entity_type, (text(operation, "review_session_invitee_id"),))
    if not invitee.row["email"]:
        raise ValidationError(
            f"The invitee '{invitee.row['name']}' has no email address to send an invitation to. "
            "Set their 'email' first."
        )
    transaction.change(invitee, {"last_sent_at": transaction.moment})
    return lambda: {"action": "send_review_session_invite", "sent": True}


ACTIONS = {"send_review_session_invite": Action(_send_invite, writes=True)}
