"""Which model reads handwritten digits best? A grid of models, tried in parallel.

The flow trains a dozen classifiers on the 1,797 small images that come with scikit-learn,
keeps the best, and looks at its mistakes. It shows what most flows are made of:

* a **parameter**: a value given on the command line, the same for the whole run;
* **artifacts**: whatever is assigned to `self` is stored and seen by the steps that follow;
* a **foreach**: one task for each item of a list, side by side, each in its own process;
* a **join**: the step where the results come together, here to choose among them.

Run it, look at what it did, and look again tomorrow; nothing is overwritten:

    python digits.py run
    python digits.py run --test-share 0.5 --tag half
    python digits.py dump RUN_ID/end
    python digits.py logs RUN_ID/end
    python digits_report.py

If a step fails, repair it and go on from there: `python digits.py resume` keeps every task
that succeeded. `python digits.py resume choose` chooses again without training again.
"""

from time import perf_counter

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from metaflow import FlowSpec, Parameter, step

FAMILIES = {
    "nearest neighbours": KNeighborsClassifier,
    "support vectors": SVC,
    "random forest": RandomForestClassifier,
}


class DigitsFlow(FlowSpec):
    """Train a grid of classifiers on handwritten digits and keep the best."""

    test_share = Parameter(
        "test-share", default=0.25, help="Share of the images that is kept back for testing."
    )
    seed = Parameter("seed", default=7, help="Fixes all that is random, so that runs compare.")

    @step
    def start(self):
        """Load the images, keep some back for testing, and list the models to try."""
        digits = load_digits()
        self.train_images, self.test_images, self.train_digits, self.test_digits = train_test_split(
            digits.data,
            digits.target,
            test_size=self.test_share,
            random_state=self.seed,
            stratify=digits.target,
        )
        self.grid = [
            *(("nearest neighbours", {"n_neighbors": count}) for count in (1, 3, 5, 9)),
            *(("support vectors", {"C": 10.0, "gamma": g}) for g in (1e-4, 5e-4, 1e-3, 5e-3)),
            *(
                ("random forest", {"n_estimators": trees, "random_state": self.seed})
                for trees in (10, 30, 100, 300)
            ),
        ]
        print(f"{len(self.train_images)} images to learn from, {len(self.test_images)} to test")
        self.next(self.fit, foreach="grid")

    @step
    def fit(self):
        """Train one model. This step runs once for each item of the grid."""
        self.family, self.settings = self.input
        self.model = FAMILIES[self.family](**self.settings)

        started = perf_counter()
        self.model.fit(self.train_images, self.train_digits)
        self.fit_seconds = perf_counter() - started

        self.accuracy = self.model.score(self.test_images, self.test_digits)
        print(f"{self.family} {self.settings}: {self.accuracy:.1%}")
        self.next(self.choose)

    @step
    def choose(self, inputs):
        """Compare all models and keep the best; of equals, the one that trains faster."""
        ranked = sorted(inputs, key=lambda task: (-task.accuracy, task.fit_seconds))
        self.results = [
            {
                "family": task.family,
                "settings": task.settings,
                "accuracy": task.accuracy,
                "fit_seconds": task.fit_seconds,
            }
            for task in ranked
        ]
        # A join starts without artifacts, because its inputs may disagree. What the end
        # step needs is named here: the best model, and the test set that all inputs share.
        self.model = ranked[0].model
        self.merge_artifacts(inputs, include=["test_images", "test_digits"])
        self.next(self.end)

    @step
    def end(self):
        """See which digits the best model takes for which."""
        self.best = self.results[0]
        answers = self.model.predict(self.test_images)
        self.confusion = confusion_matrix(self.test_digits, answers)
        wrong = int((answers != self.test_digits).sum())
        print(
            f"best: {self.best['family']}, {self.best['accuracy']:.1%} right, "
            f"{wrong} of {len(answers)} images misread"
        )


DigitsFlow()
