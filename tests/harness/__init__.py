"""What the suites run against: throw-away PostgreSQL, an S3 server, and Imprint itself.

Standard library only, so that the crash and fault suites need no virtual environment.
"""
