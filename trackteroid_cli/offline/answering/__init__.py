"""Questions of an offline session, answered by the replica or refused."""
