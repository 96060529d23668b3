# SPDX-License-Identifier: Apache-2.0
"""onnx-run.py FOLDER...: is FOLDER/model.onnx sound, and does onnxruntime
get FOLDER/output (float32) from FOLDER/input within 1e-4 of its scale?"""
import sys

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as error:
    print(f"SKIP: {error}; pip install onnx onnxruntime")
    sys.exit(77)

failed = 0
for folder in sys.argv[1:]:
    path = f"{folder}/model.onnx"
    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    one = np.fromfile(f"{folder}/input", "<f4")
    want = np.fromfile(f"{folder}/output", "<f4")
    shape = [1] + given.shape[1:]
    batch = np.concatenate([one.reshape(shape), 0.5 * one.reshape(shape)])
    (got,) = session.run(None, {"input": batch})
    (alone,) = session.run(None, {"input": batch[:1]})
    worst = max(np.abs(got[0] - want).max(), np.abs(alone[0] - want).max())
    scale = np.abs(want).max()
    good = got.shape == (2, want.size) and worst <= 1e-4 * max(scale, 1)
    print(f"{'ok' if good else 'FAILED'} {folder}: {worst:.3g} of {scale:.3g}")
    failed += not good
sys.exit(1 if failed else 0)
