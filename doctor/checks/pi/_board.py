"""What the checks of this family share: they judge Raspberry Pis only."""

from ...facts import Board, Facts, NotApplicable


def raspberry_pi(facts: Facts) -> Board:
    """Return the board.

    Raises NotApplicable on other machines and MissingFact when it is unknown whether this is a Raspberry Pi.
    """
    board = facts.need(Board)
    if not board.raspberry_pi:
        raise NotApplicable("raspberry pi")
    return board


def called(board: Board) -> str:
    """Return the board's name for sentences: the device tree's model, as printed on screens and in shops."""
    return board.model.replace("\0", "").strip()
