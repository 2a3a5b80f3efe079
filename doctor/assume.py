"""Facts about a card that will be attached, in place of this machine's: --assume-gpu, --assume-driver, --no-gpu."""

from typing import Any, Optional, Sequence, Tuple

from .facts import Facts, Gpu, Host, Nvidia, NvidiaSource, Trials, Unknown
from .model import DoctorError
from .record import replace
from .text import Text

#: name of the source that an assumed fact comes from
ASSUMED = "assumed"


def assume(
    facts: Facts,
    matrix: Any,
    driver: Optional[str] = None,
    gpus: Sequence[str] = (),
    no_gpu: bool = False,
) -> Facts:
    """Return the facts with driver and cards replaced, as if the machine were set up that way; the rest stays.

    What the import trials found out about the card of this machine is set aside. Raises DoctorError (exit 2) for a
    card or driver version that does not exist, and for wishes that contradict each other.
    """
    if no_gpu:
        if gpus or driver:
            raise DoctorError(
                Text(
                    "--no-gpu contradicts --assume-gpu and --assume-driver.",
                    "--no-gpu 与 --assume-gpu、--assume-driver 互相矛盾。",
                ),
                exit=2,
            )
        return _without_cuda_trials(facts.with_state(Nvidia, None))
    if not gpus and driver is None:
        return facts
    from .wheels.target import read_driver

    cards = tuple(_card(matrix, name) for name in gpus)
    driver = read_driver(driver) if driver is not None else None
    return _without_cuda_trials(facts.with_state(Nvidia, _nvidia(facts, matrix, driver, cards)))


def is_assumed(nvidia: Optional[Nvidia]) -> bool:
    """Tell whether driver or cards are assumed."""
    return nvidia is not None and nvidia.source(ASSUMED) is not None


def _card(matrix: Any, name: str) -> Gpu:
    from .wheels.target import read_gpu

    card = read_gpu(matrix, name)
    return Gpu(name=card.name, compute_capability=card.cc)


def _nvidia(facts: Facts, matrix: Any, driver: Optional[str], cards: Tuple[Gpu, ...]) -> Nvidia:
    state = facts.state(Nvidia)
    old = Nvidia() if state is None or isinstance(state, Unknown) else state
    host = facts.maybe(Host)
    # WSL shows the Windows driver of the machine it runs on
    system = "windows" if host is not None and (host.wsl or host.system == "windows") else "linux"
    cuda = matrix.driver_cuda(driver, system) if driver else None
    assumed = NvidiaSource(ASSUMED, driver=driver, cuda=cuda, gpus=cards)
    if cards:
        # the cards that are here, what sits on the bus and who holds it say nothing about the one to come
        old = replace(old, gpus=cards, pci=(), disagreements=())
        old = replace(old, sources=tuple(replace(source, gpus=()) for source in old.sources))
    if driver:
        old = replace(old, driver=driver, cuda=cuda, sources=(), disagreements=(), kernel_module=None)
        old = replace(old, libcuda=(), dxg=None)
    return replace(old, sources=old.sources + (assumed,))


def _without_cuda_trials(facts: Facts) -> Facts:
    """Return the facts without what the trials learned of a CUDA device: it is not the device in question."""
    trials = facts.maybe(Trials)
    if trials is None:
        return facts
    stages = tuple(
        replace(stage, data={key: value for key, value in stage.data.items() if not _about_device(key)})
        for stage in trials.stages
        if "cuda" not in stage.name
    )
    return facts.replace(replace(trials, stages=stages))


def _about_device(key: str) -> bool:
    return key.startswith(("cuda_", "device")) or key in ("gpus", "ran_on")
