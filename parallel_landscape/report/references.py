"""How to cite a run: the software, and the papers of the methods and data that this run has used."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from parallel_landscape.driver.provenance import version

NAME = "parallel_landscape"
TITLE = "parallel_landscape: maps of the weight space of neural networks"  # as in CITATION.cff
AUTHORS = "the parallel_landscape authors"
LICENCE = "MIT"


@dataclass(frozen=True)
class Paper:
    """What it is cited for, and where it stands; doi may be empty."""

    role: str
    text: str
    doi: str = ""


WANG_LANDAU = Paper(
    "Wang-Landau sampling", "F. Wang, D. P. Landau, Phys. Rev. Lett. 86, 2050 (2001)", "10.1103/PhysRevLett.86.2050"
)
SCHEDULES = {
    "1/t": Paper(
        "the schedule 1/t", "R. E. Belardinelli, V. D. Pereyra, Phys. Rev. E 75, 046701 (2007)", "10.1103/PhysRevE.75.046701"
    ),
    "samc": Paper(
        "the schedule SAMC",
        "F. Liang, C. Liu, R. J. Carroll, J. Am. Stat. Assoc. 102, 305 (2007)",
        "10.1198/016214506000001202",
    ),
}
EXCHANGE = Paper(
    "replica exchange between energy windows",
    "T. Vogel, Y. W. Li, T. Wüst, D. P. Landau, Phys. Rev. Lett. 110, 210603 (2013)",
    "10.1103/PhysRevLett.110.210603",
)
TEMPERING = Paper(
    "replica exchange between temperatures",
    "K. Hukushima, K. Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996)",
    "10.1143/JPSJ.65.1604",
)
COUPLED = Paper("coupled replicas", "C. Baldassi et al., PNAS 113, E7655 (2016)", "10.1073/pnas.1608103113")
MOTIONS = {
    "hmc": Paper(
        "hybrid Monte Carlo",
        "S. Duane, A. D. Kennedy, B. J. Pendleton, D. Roweth, Phys. Lett. B 195, 216 (1987)",
        "10.1016/0370-2693(87)91197-X",
    ),
    "langevin": Paper(
        "Langevin dynamics", "B. Leimkuhler, C. Matthews, Appl. Math. Res. Express 2013, 34 (2013)", "10.1093/amrx/abs010"
    ),
}
DIFFUSION = Paper(
    "windows laid by the local diffusivity",
    "S. Trebst, D. A. Huse, M. Troyer, Phys. Rev. E 70, 046701 (2004)",
    "10.1103/PhysRevE.70.046701",
)
RANDOM = Paper(
    "random numbers (Philox)", "J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, SC11 (2011)", "10.1145/2063384.2063405"
)
MBAR = Paper("MBAR", "M. R. Shirts, J. D. Chodera, J. Chem. Phys. 129, 124105 (2008)", "10.1063/1.2978177")
TRANSITION = Paper(
    "the transition matrix in energy",
    "J.-S. Wang, T. K. Tay, R. H. Swendsen, Phys. Rev. Lett. 82, 476 (1999)",
    "10.1103/PhysRevLett.82.476",
)
DATA = {
    "digits": Paper(
        "the digits",
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998)",
    ),
    "idx": Paper(
        "the IDX format and MNIST",
        "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits; cite the data set that you used",
    ),
    "hidden-manifold": Paper(
        "the hidden-manifold model",
        "S. Goldt, M. Mézard, F. Krzakala, L. Zdeborová, Phys. Rev. X 10, 041044 (2020)",
        "10.1103/PhysRevX.10.041044",
    ),
    "gaussian-mixture": Paper(
        "the Gaussian clusters", "M. Mele, R. Menichetti, A. Ingrosso, R. Potestio, TMLR (2025), arXiv:2409.18683"
    ),
}


def software() -> str:
    """The software as a line of a bibliography."""
    return f"{AUTHORS}, {TITLE}, version {version()}, licence {LICENCE}"


def bibtex() -> str:
    """The software for BibTeX."""
    return (
        f"@software{{{NAME},\n  author  = {{{{{AUTHORS}}}}},\n  title   = {{{TITLE}}},\n  version = {{{version()}}},\n"
        f"  license = {{{LICENCE}}}\n}}"
    )


def papers(job: Mapping[str, Any], result_names: Collection[str]) -> list[Paper]:
    """The papers of what this run has used. job: as resolved; result_names: of the result's variables."""
    ensemble, exchange = job.get("ensemble", {}), job.get("exchange", {})
    learns = ensemble.get("kind", "wang-landau") in ("wang-landau", "joint")
    found = [WANG_LANDAU] if learns else []
    found += [SCHEDULES[schedule] for schedule in [ensemble.get("schedule", "1/t")] if learns and schedule in SCHEDULES]
    found += [EXCHANGE] if exchange.get("kind", "windows") == "windows" else []
    found += [TEMPERING] if exchange.get("kind") == "temperatures" else []
    found += [COUPLED] if ensemble.get("kind") == "coupled" else []
    found += [DIFFUSION] if exchange.get("spacing") == "diffusion" or exchange.get("windows") == "auto" else []
    found += [MOTIONS[kind] for kind in [job.get("dynamics", {}).get("kind")] if kind in MOTIONS]
    found += [MBAR] if "ln_g_mbar" in result_names or "ln_z" in result_names else []
    found += [TRANSITION] if "ln_g_transition" in result_names else []
    source = job.get("landscape", {}).get("data", {}).get("source")
    found += [DATA[source]] if source in DATA else []
    return [*found, RANDOM]
