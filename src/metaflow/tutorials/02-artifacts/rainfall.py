"""Artifacts: what is assigned to `self` reaches later steps and is kept."""

import csv
import os

from metaflow import FlowSpec, Parameter, step

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rainfall.csv")


class RainfallFlow(FlowSpec):
    """Finds the wettest month of each year."""

    from_year = Parameter("from-year", default=2019, help="Leave out earlier years.")

    @step
    def start(self):
        """Read the measurements."""
        with open(DATA, newline="", encoding="utf-8") as file:
            rows = [{key: int(value) for key, value in row.items()} for row in csv.DictReader(file)]
        self.rows = [row for row in rows if row["year"] >= self.from_year]
        print(f"{len(self.rows)} measurements")
        self.next(self.compare)

    @step
    def compare(self):
        """Keep the largest measurement of each year."""
        self.wettest = {}
        for row in self.rows:
            known = self.wettest.get(row["year"])
            if known is None or row["millimetres"] > known["millimetres"]:
                self.wettest[row["year"]] = row
        self.next(self.end)

    @step
    def end(self):
        """Show them; they were inherited from the step before."""
        for year, row in self.wettest.items():
            print(f"{year}: month {row['month']}, {row['millimetres']} mm")


if __name__ == "__main__":
    RainfallFlow()
