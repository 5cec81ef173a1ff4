import type { Track } from "../types.ts";

export const trackC: Track = {
  id: "track-c",
  letter: "C",
  title: "Computer vision",
  bestFor: "Who wants to work in vehicles, medicine, industry or on documents.",
  employers: ["nvidia", "qure-ai", "niramai", "ola", "mahindra"],
  goDeep: [
    "YOLO, DETR, Faster R-CNN",
    "Mask R-CNN, SAM",
    "SlowFast, VideoMAE",
    "MobileNet, EfficientNet, ViT-Tiny",
    "TensorRT, ONNX, CoreML",
    "Indian documents, satellite images",
  ],
  topicIds: ["detection-and-segmentation", "video-and-edge-vision", "document-and-medical-vision", "compiled-models"],
  bandClaimIds: ["pay-a-track-c"],
  rows: [116],
};
