"""What all tests share: property tests without deadlines, on CI with the same examples in every run."""

import os
import signal

from hypothesis import settings

# The first example of a test may trace and compile, the others do not: no deadline fits both.
settings.register_profile("lagrad", deadline=None, max_examples=50, derandomize="CI" in os.environ)
settings.load_profile("lagrad")

# A shell that runs the suite in the background has it ignore Ctrl-C, which tests send themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)
