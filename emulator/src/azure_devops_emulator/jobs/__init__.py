"""The agent's side: variables, environment, processes, logging commands, masking, results."""
