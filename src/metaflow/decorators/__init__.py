"""The built-in step decorators, one per file: what each declares and does around an attempt."""
