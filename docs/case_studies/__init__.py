"""What the course slides claim, in their order, each beside what netdsl says: docs/slides.md is made of it.

`python -m case_studies.page` in the folder docs writes that page anew; a test holds that it is as made.
"""
