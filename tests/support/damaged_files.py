"""What a file can turn into: content that is not what its reader expects."""

DAMAGED = {
    "empty": b"",
    "null bytes": b"\0" * 64,
    "invalid UTF-8": b'{"message_id": "\xff\xfe"}',
    "cut": b'{"message_id": "bad", "bo',
    "a list": b"[]",
    "null": b"null",
    "a text": b'"text"',
    "a number": b"5",
    "NaN": b"NaN",
    "deep nesting": b"[" * 200_000,
    "an integer of 5,000 digits": b"9" * 5_000,
    "a date, not JSON": b"2026-11-24",
    "a byte order mark": b'\xef\xbb\xbf{"schema": 1}',
    "UTF-16": '{"schema": 1}'.encode("utf-16"),
    "keys of other types": b'{"message_id": 5, "body": [], "sent_at": "x", "schema_version": [], "deployed": 7}',
}
