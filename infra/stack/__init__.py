"""A deployed stack, reached through boto3 with the user's own AWS credentials."""
