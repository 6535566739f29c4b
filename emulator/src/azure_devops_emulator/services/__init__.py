"""The organisation's services over HTTP: who asks, what is answered, what goes wrong on request."""
