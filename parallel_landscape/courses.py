"""The course of a run for each kind of ensemble."""

from __future__ import annotations

from parallel_landscape import canonical_course, coupled_course, thermal_course, wang_landau_course
from parallel_landscape.job import Job
from parallel_landscape.motion_keys import Moving
from parallel_landscape.phase import Course

COURSES = {"wang-landau": wang_landau_course.COURSE, "canonical": canonical_course.COURSE, "coupled": coupled_course.COURSE}


def course_of(job: Job) -> Course:
    """The course that the job asks for."""
    if isinstance(job.dynamics, Moving):
        return thermal_course.COURSE
    return COURSES[job.ensemble.kind]
