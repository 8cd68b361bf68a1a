"""The course of a run for each kind of ensemble."""

from __future__ import annotations

from parallel_landscape.courses import (
    canonical_course,
    coupled_course,
    coupled_thermal_course,
    flat_course,
    joint_course,
    thermal_course,
    wang_landau_course,
)
from parallel_landscape.courses.phase import Course
from parallel_landscape.job.flat_keys import FlatEnsemble
from parallel_landscape.job.job import Job
from parallel_landscape.job.motion_keys import Moving

COURSES = {
    "wang-landau": wang_landau_course.COURSE,
    "canonical": canonical_course.COURSE,
    "coupled": coupled_course.COURSE,
    "joint": joint_course.COURSE,
}
SMOOTH = {"canonical": thermal_course.COURSE, "coupled": coupled_thermal_course.COURSE}  # of continuous weights


def course_of(job: Job) -> Course:
    """The course that the job asks for."""
    if isinstance(job.ensemble, FlatEnsemble):
        return flat_course.COURSE
    if isinstance(job.dynamics, Moving):
        return SMOOTH[job.ensemble.kind]
    return COURSES[job.ensemble.kind]
