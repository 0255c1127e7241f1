"""How the signal and the gradients travel through a network before it is trained."""
