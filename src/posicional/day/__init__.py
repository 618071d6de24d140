"""The facts of a day, their only reader and writer, the pure fold over them and the pure decision what comes next."""
