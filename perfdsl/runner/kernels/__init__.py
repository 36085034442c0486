"""The kernels, one file each: a NumPy reference, the fast form, and inputs for its tests."""
