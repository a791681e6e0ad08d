"""Three steps that run one after the other."""

from metaflow import FlowSpec, Parameter, step


class HelloFlow(FlowSpec):
    """Greets someone."""

    name_to_greet = Parameter("name", default="world", help="Whom to greet.")

    @step
    def start(self):
        """Begin; every flow does so at the step `start`."""
        print("The flow begins.")
        self.next(self.greet)

    @step
    def greet(self):
        """Greet."""
        print(f"Hello, {self.name_to_greet}!")
        self.next(self.end)

    @step
    def end(self):
        """Finish; every flow does so at the step `end`."""
        print("The flow is done.")


if __name__ == "__main__":
    HelloFlow()
