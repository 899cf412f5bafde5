"""The practice server: a stand-in XNAT on loopback, built from the wire contract alone.

It shares no code with the client. What it does not implement it answers with 501 and a sentence.
"""
