"""What a fix tells while it works; the screen's own way of showing it is a subclass."""

from typing import Any, Mapping

from ..text import Text


class Progress:
    """Says nothing and agrees to nothing."""

    def say(self, text: Text, params: Mapping[str, Any]) -> None:
        """Tell one thing that happened."""

    def download(self, name: str, done_bytes: int, total_bytes: Any) -> None:
        """Tell how far a download is; ``total_bytes`` is None when the server does not say."""

    def confirm(self, text: Text, params: Mapping[str, Any]) -> bool:
        """Ask the user; False when nobody can be asked."""
        return False
