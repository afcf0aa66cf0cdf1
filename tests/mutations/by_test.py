"""A planted bug that a unit test finds, not the simulator: what it breaks cannot be seen at the doors of a world."""


class ByTest(tuple):
    test = None


def by_test(program, names, bug):
    marked = ByTest(bug)
    marked.test = (program, names)
    return marked
