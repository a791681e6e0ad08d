"""The tree of exceptions, by area; every error says what, where and what to do next."""
