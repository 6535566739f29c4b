"""The gateway: a proxy on loopback that adds credentials to requests; the command behind it holds none.

Needs the extra `secretless`; nothing of it is loaded by any other way of `run`.
"""
