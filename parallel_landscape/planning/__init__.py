"""What a job will take: slots, ranks, memory, disk and time, before anything of that size is made."""
