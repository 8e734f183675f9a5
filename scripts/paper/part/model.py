"""The mathematics of <<number>>: sums of odd numbers."""


def partial_sums(count: int) -> list[int]:
    """Return the sums of the first 1, 2, …, `count` odd numbers, added up term by term."""
    sums, total = [], 0
    for k in range(1, count + 1):
        total += 2 * k - 1
        sums.append(total)
    return sums
