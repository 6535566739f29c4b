"""The commands: one module for each, with `main(arguments, environ)`."""

COMMANDS = {
    "run": "one program with the credentials it needs, and nothing left behind",
    "serve": "an index on loopback, made of all that are named, for whoever runs on this machine",
    "env": "settings for what runs next, as lines of a shell or as a CI takes them",
    "write": "the settings as files in a private folder, for later steps and Docker",
    "forget": "removes what write has written",
    "check": "why it does not work, and what to do",
    "whoami": "which credential there is, and who it makes you",
    "login": "signs you in with Microsoft Entra",
    "logout": "forgets who signed in, and every token that is kept",
    "config": "every setting, its value, and where that came from",
    "report": "what run fetched through the gateway, for people",
    "completion": "what a shell needs to complete words",
    "inputs": "what may stand in a step of the Azure Pipelines task",
}
"""Every command, which is a module here, with what it is for."""
