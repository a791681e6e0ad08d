"""An event of the sample organization."""


class AcmeEvent:
    pass
