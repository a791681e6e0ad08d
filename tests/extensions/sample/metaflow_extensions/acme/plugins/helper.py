"""A function that programs import from the package itself."""


def acme_helper():
    return "helped"
