import { planned, reading } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "vision";

export const vision: readonly Topic[] = [
  {
    id: "detection-and-segmentation",
    title: "YOLO, DETR, Faster R-CNN, Mask R-CNN, SAM",
    area,
    treatment: ["driven", "simulated"],
    places: [planned],
    depth: "Overlap, suppression and average precision are computed exactly, empty boxes and equal scores included.",
    after: ["convolution-and-recurrence"],
    labs: [46],
    rows: [82],
  },
  {
    id: "video-and-edge-vision",
    title: "Video (SlowFast, VideoMAE) and the edge (MobileNet, EfficientNet, ViT-Tiny)",
    area,
    treatment: ["explained", "simulated"],
    places: [reading],
    depth: "Given a device, one says which model fits and what accuracy it costs.",
    after: ["detection-and-segmentation"],
    rows: [83],
  },
  {
    id: "document-and-medical-vision",
    title: "Indian documents (Aadhaar, PAN, GST), satellite and medical images",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "Fields are validated, identities masked, and groups of people evaluated apart.",
    after: ["detection-and-segmentation"],
    rows: [84],
  },
];
