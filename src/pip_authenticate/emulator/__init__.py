"""The local stand-in for an Azure DevOps organisation and its agent; loopback only."""
