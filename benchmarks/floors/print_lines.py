"""Floor of a chatty task: print the same lines, to wherever standard output goes."""

import sys

for number in range(int(sys.argv[1])):
    print("line", number, "of a task that has much to say")
