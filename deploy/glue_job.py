"""The script of the Glue job. What it does is in the wheels beside it."""

from posicional.glue import run

run()
