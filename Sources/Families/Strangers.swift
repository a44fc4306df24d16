/// Files that people take for a Faster R-CNN that could be run here, or for a whole one, and what they
/// are: the first whose proof holds is named.
struct Stranger: Sendable {
  /// What it is, as `a RetinaNet of torchvision's`.
  let what: String
  /// What to do about it.
  let remedy: String
  let proof: Proof

  /// All that are known.
  static let all: [Stranger] = [
    Stranger(
      what: "a detector of maskrcnn-benchmark", remedy: retrain,
      proof: .any([
        .tensor("roi_heads.box.predictor.cls_score.weight"),
        .tensors("backbone.fpn.fpn_inner"),
      ])),
    Stranger(
      what: "a Cascade R-CNN", remedy: retrain,
      proof: .any([
        .tensors("roi_heads.box_predictor.0."), .tensors("roi_head.bbox_head.0."),
      ])),
    Stranger(
      what: "a RetinaNet, FCOS or SSD of torchvision's, which has no second stage",
      remedy: "this program runs Faster R-CNN only",
      proof: .any([
        .tensors("head.classification_head."), .tensors("head.regression_head."),
      ])),
    Stranger(
      what: "a detector of MMDetection's without a second stage",
      remedy: "this program runs Faster R-CNN only", proof: .tensors("bbox_head.retina_")),
    Stranger(
      what: "a Faster R-CNN of MMDetection 1.x, which counts boxes and classes in another way",
      remedy: "convert it with MMDetection's tools/model_converters/upgrade_model_version.py",
      proof: .all([.tensor("rpn_head.rpn_cls.weight"), .tensor("bbox_head.fc_cls.weight")])),
    Stranger(
      what: "MMDetection's C4 variant", remedy: "its variants with a feature pyramid are run here",
      proof: .tensors("roi_head.shared_head.layer4.")),
    Stranger(
      what: "an RPN of MMDetection's alone", remedy: "give the whole detector",
      proof: .all([.tensor("rpn_head.rpn_cls.weight"), .not(.tensors("roi_head."))])),
    Stranger(
      what: "a network of Caffe2 or Detectron1",
      remedy: "load it with Detectron2's DetectionCheckpointer and save it again",
      proof: .any([.tensor("conv_rpn_fpn2_w"), .tensor("res2_0_branch2a_w")])),
    Stranger(
      what: "py-faster-rcnn's VGG_CNN_M_1024",
      remedy:
        "its VGG16 and ZF are run here; a ZF whose fc7 was made narrower than its fc6 is taken by "
        + "--profile py-faster-rcnn-zf",
      proof: .all([.tensor("conv5.weight"), PyFasterRCNN.rpn, PyFasterRCNN.isMedium])),
    Stranger(
      what: "a detector of PaddleDetection's", remedy: retrain,
      proof: .tensors("rpn_head.rpn_rois_score")),
    Stranger(
      what: "a DETR or one of its relatives", remedy: "this program runs Faster R-CNN only",
      proof: .any([
        .tensors("transformer.decoder."), .tensors("model.decoder.layers."),
        .tensor("query_embed.weight"), .tensors("class_labels_classifier."),
      ])),
    Stranger(
      what: "a YOLO", remedy: "this program runs Faster R-CNN only",
      proof: .any([
        .tensors("model.0.conv."), .tensors("model.model.0.conv."), .tensors("module_list.0."),
      ])),
    Stranger(
      what: "a backbone alone, no detector",
      remedy: "train a detector on it and give that one's checkpoint",
      proof: .all([
        .any([
          .tensor("features.0.weight"), .tensor("conv1.weight"), .tensors("layer1.0."),
          .tensor("stem.conv1.weight"), .tensors("extractor."),
        ]), .not(.tensors("rpn")), .not(.tensors("head.")),
      ])),
  ]

  private static let retrain =
    "which is not run here; torchvision, Detectron2 and MMDetection train detectors that are"
}
