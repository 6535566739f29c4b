"""What the tests stand on: a scripted service and proxy, an agent's view of a log, the task's process.

Nothing here imports the product, so that no test proves the product with the product's own code.
"""
