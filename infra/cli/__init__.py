"""What a person types and reads: the command line, one module per command, with the views that they share."""
