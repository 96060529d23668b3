# SPDX-License-Identifier: Apache-2.0
"""The peers that bench/peers knows, by name.  What the entries have is said
in peers_onnx.py."""
import peers_litert
import peers_onednn
import peers_onnx
import peers_torch
import peers_tvm

PEERS = {
    "onnxruntime": peers_onnx.Onnxruntime,
    "openvino": peers_onnx.Openvino,
    "onednn": peers_onednn.Onednn,
    "onednn-gomp": peers_onednn.OnednnGomp,
    "torch": peers_torch.Eager,
    "inductor": peers_torch.Inductor,
    "litert": peers_litert.Litert,
    "ncnn": peers_onnx.Ncnn,
    "MNN": peers_onnx.Mnn,
    "tvm": peers_tvm.Tvm,
}
