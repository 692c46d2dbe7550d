"""Voicemail (客户留言): boxes, messages that callers leave in them, and playing a message to a phone."""
