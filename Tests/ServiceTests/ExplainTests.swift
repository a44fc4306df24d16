import Detection
import FasterRCNN
import HTTPServer
import Images
import Testing

@testable import Service

/// Explanations of the project's own picture, each claim recomputed from the networks' outputs by the
/// plainest code there can be: sort, compare, multiply.
@Suite(.serialized) struct ExplainTests {
  /// What a plain reading of the outputs gives.
  private struct Recomputed {
    var objectness: [Float] = []
    var boxes: [BoundingBox] = []
    var fates: [String] = []
    var ranks: [Int?] = []
    var suppressors: [Int?] = []
    var proposals: [Int] = []

    init(_ evidence: DetectionEvidence) {
      let settings = evidence.proposalSettings
      let frame = evidence.frame
      let minimum = (settings.minimumSide?.length ?? 0) * frame.xScale
      for (index, anchor) in evidence.levels[0].grid.anchors.enumerated() {
        let (background, foreground) = (
          evidence.levels[0].scores[2 * index], evidence.levels[0].scores[2 * index + 1]
        )
        objectness.append(1 / (1 + exponential(background - foreground)))
        let t = Array(evidence.levels[0].offsets[4 * index..<4 * index + 4])
        let height = anchor.yMax - anchor.yMin
        let width = anchor.xMax - anchor.xMin
        let y = t[0] * height + anchor.yMin + 0.5 * height
        let x = t[1] * width + anchor.xMin + 0.5 * width
        let (h, w) = (exponential(t[2]) * height, exponential(t[3]) * width)
        boxes.append(
          BoundingBox(
            yMin: min(max(y - h / 2, 0), frame.height), xMin: min(max(x - w / 2, 0), frame.width),
            yMax: min(max(y + h / 2, 0), frame.height), xMax: min(max(x + w / 2, 0), frame.width)))
      }
      let isLarge = boxes.map { min($0.yMax - $0.yMin, $0.xMax - $0.xMin) >= minimum }
      let order = boxes.indices.filter { isLarge[$0] }
        .sorted { (-objectness[$0], $0) < (-objectness[$1], $1) }
      ranks = Array(repeating: nil, count: boxes.count)
      suppressors = ranks
      fates = isLarge.map { $0 ? "" : "too_small" }
      for (rank, index) in order.enumerated() {
        ranks[index] = rank
        if rank >= settings.counts.beforeNMS {
          fates[index] = "beyond_pre_nms_top_n"
        } else if let by = proposals.firstIndex(where: {
          Self.iou(boxes[$0], boxes[index]) > settings.nms.iouThreshold
        }) {
          fates[index] = "suppressed"
          suppressors[index] = by
        } else if proposals.count == settings.counts.afterNMS {
          fates[index] = "beyond_post_nms_top_n"
        } else {
          fates[index] = "proposed"
          proposals.append(index)
        }
      }
    }

    static func iou(_ a: BoundingBox, _ b: BoundingBox) -> Float {
      let common =
        max(min(a.yMax, b.yMax) - max(a.yMin, b.yMin), 0)
        * max(min(a.xMax, b.xMax) - max(a.xMin, b.xMin), 0)
      let joint =
        (a.yMax - a.yMin) * (a.xMax - a.xMin) + (b.yMax - b.yMin) * (b.xMax - b.xMin) - common
      return joint > 0 ? common / joint : 0
    }

    /// e to a power, from its series: no library of ours.
    private func exponential(_ x: Float) -> Float {
      var (sum, term) = (1.0, 1.0)
      let small = Double(x) / 1024
      for n in 1...12 {
        term *= small / Double(n)
        sum += term
      }
      for _ in 0..<10 { sum *= sum }
      return Float(sum)
    }
  }

  private static let cases = [
    "point=400,220", "point=10,10", "point=600,470", "box=310,140,490,310", "box=0,0,60,60",
    "box=100,200,210,320&score_threshold=0.9985", "point=250,170&classes=WBC",
    "box=480,130,530,170&max_detections=5", "point=320,240&rpn_post_nms_top_n=20&nearest=20",
    "box=200,10,330,120&rpn_pre_nms_top_n=150&nms_threshold=0.05&nearest=30",
    "point=150,250&class_agnostic_nms=true&rpn_min_size=60&nearest=40",
  ]

  @Test(arguments: cases)
  func eachClaimIsTrue(query: String) async throws {
    let service = try await RealDetector.service()
    var request = HTTPRequest.detect(query, body: RealDetector.example, type: "image/jpeg")
    request.path = "/explain"
    let response = try await service.answer(request)
    #expect(response.status == 200)
    let json = try response.json

    // The same run once more, for its raw outputs and for what it found.
    var parameters = try RequestParameters(
      QueryString.pairs(of: query), at: .explain,
      model: try RealDetector.shared.get().model)
    parameters.detection.includesEvidence = true
    let picture = try ImageDecoder().decode(RealDetector.example).image
    let result = try RealDetector.shared.get().detect(
      .image(picture), parameters: parameters.detection)
    let evidence = try #require(result.evidence)
    let wanted = Recomputed(evidence)

    // What is recomputed is what was proposed: two candidates whose scores the two exponentials
    // round differently may swap.
    #expect(json["counts"]?["proposals"] == .number(Double(result.proposals.count)))
    #expect(wanted.proposals.count == result.proposals.count)
    #expect(json["counts"]?["anchors"] == .number(Double(wanted.boxes.count)))
    #expect(json["counts"]?["detections"] == .number(Double(result.objects.count)))
    #expect(
      json["counts"]?["ranked"] == .number(Double(wanted.ranks.count(where: { $0 != nil }))))

    let anchors = (json["anchors"]?.elements ?? []) + (json["candidates"]?.elements ?? [])
    #expect(anchors.count == 2 * parameters.nearestCount)
    for told in anchors {
      let index = Int(try #require(told["anchor_index"]?.double))
      try expect(told, of: index, wanted, evidence)
    }
    let proposals = try #require(json["proposals"]).elements
    #expect(proposals.count == min(parameters.nearestCount, result.proposals.count))
    var unbounded = parameters.detection
    unbounded.maximumDetections = 100_000
    let all = try RealDetector.shared.get().detect(.image(picture), parameters: unbounded)
    for told in proposals { try expect(told, in: result, all: all, evidence) }
    for told in try #require(json["detections"]).elements {
      let object = result.objects[Int(try #require(told["detection_index"]?.double))]
      #expect(
        told["box"]?.floats == [object.box.xMin, object.box.yMin, object.box.xMax, object.box.yMax])
      #expect(told["proposal_index"] == .number(Double(object.proposalIndex)))
    }
    try expectNearest(json, parameters, wanted, result)
    try expectSummary(json)
  }

  private func expect(
    _ told: JSONValue, of index: Int, _ wanted: Recomputed, _ evidence: DetectionEvidence
  ) throws {
    let objectness = Float(try #require(told["objectness"]?.double))
    #expect(abs(objectness - wanted.objectness[index]) < 1e-5)
    let scale = evidence.frame.xScale
    let box = wanted.boxes[index]
    for (a, b) in zip(told["box"]?.floats ?? [], [box.xMin, box.yMin, box.xMax, box.yMax]) {
      #expect(abs(a * scale - b) < 0.01)
    }
    let outcome = try #require(told["outcome"]?.text)
    #expect(outcome == wanted.fates[index], "anchor \(index)")
    // Equal scores to the last bits may swap neighbours of the ranking.
    if let rank = wanted.ranks[index] {
      #expect(abs((told["rank"]?.double ?? -99) - Double(rank)) <= 2, "anchor \(index)")
    } else {
      #expect(told["rank"] == nil)
    }
    switch outcome {
    case "suppressed":
      let by = Int(try #require(told["suppressed_by_proposal"]?.double))
      let iou = Float(try #require(told["suppression_iou"]?.double))
      let kept = wanted.proposals[by]
      #expect(iou > evidence.proposalSettings.nms.iouThreshold)
      #expect(abs(Recomputed.iou(wanted.boxes[kept], box) - iou) < 1e-3)
      #expect(abs(by - (wanted.suppressors[index] ?? -99)) <= 1)
    case "proposed":
      let proposal = Int(try #require(told["proposal_index"]?.double))
      #expect(abs(proposal - (wanted.proposals.firstIndex(of: index) ?? -99)) <= 1)
    case "too_small":
      let side = Float(try #require(told["side"]?.double))
      #expect(abs(side - min(box.yMax - box.yMin, box.xMax - box.xMin)) < 0.01)
      #expect(side < Float(try #require(told["minimum_side"]?.double)))
    default: #expect(told["limit"] != nil)
    }
  }

  /// Holds what is told of a proposal's classes against the head's outputs and the detections.
  private func expect(
    _ told: JSONValue, in result: DetectionResult, all: DetectionResult,
    _ evidence: DetectionEvidence
  ) throws {
    let index = Int(try #require(told["proposal_index"]?.double))
    let proposal = result.proposals[index]
    #expect(
      told["box"]?.floats
        == [proposal.box.xMin, proposal.box.yMin, proposal.box.xMax, proposal.box.yMax])
    #expect(Float(told["objectness"]?.double ?? -1) == proposal.objectness)
    let settings = evidence.classBoxSettings
    let classes = try #require(told["classes"]).elements
    #expect(classes.count == evidence.logitCount - 1)
    var sum = try #require(told["background_score"]?.double)
    for entry in classes {
      let classID = Int(try #require(entry["class_id"]?.double))
      let score = Float(try #require(entry["score"]?.double))
      sum += Double(score)
      let detection = result.objects.firstIndex {
        $0.proposalIndex == index && $0.classID == classID
      }
      switch try #require(entry["outcome"]?.text) {
      case "detected":
        #expect(entry["detection_index"]?.double == detection.map(Double.init))
        #expect(detection.map { result.objects[$0].score } == score)
      case "below_threshold":
        #expect(detection == nil && score <= settings.scoreThreshold)
        #expect(Float(entry["threshold"]?.double ?? -1) == settings.scoreThreshold)
      case "not_looked_for":
        #expect(detection == nil && settings.classes?.contains(classID) == false)
      case "beyond_max_detections":
        #expect(detection == nil && result.objects.count == settings.maximumDetections)
        #expect(entry["limit"]?.double.map { Int($0) } == settings.maximumDetections)
        #expect(score <= (result.objects.last?.score ?? 0))
      case "suppressed":
        #expect(detection == nil && score > settings.scoreThreshold)
        let by = entry["suppressed_by_detection"]?.double.map { Int($0) }
        // Without a number it lies beyond the most that are listed.
        #expect(by.map { $0 < result.objects.count } ?? (settings.maximumDetections != nil))
        let proposal = try #require(entry["suppressed_by_proposal"]?.double.map { Int($0) })
        let winner = try #require(
          all.objects.first {
            $0.proposalIndex == proposal && (settings.isClassAgnostic || $0.classID == classID)
          })
        #expect(by == nil || by == all.objects.firstIndex(of: winner))
        #expect(winner.score >= score)
        let floats = try #require(entry["box"]?.floats)
        let box = BoundingBox(yMin: floats[1], xMin: floats[0], yMax: floats[3], xMax: floats[2])
        let iou = Recomputed.iou(winner.box, box)
        #expect(iou > settings.nms.iouThreshold)
        #expect(abs(iou - Float(entry["suppression_iou"]?.double ?? -1)) < 1e-3)
      case let outcome: Issue.record("unexpected outcome \(outcome)")
      }
    }
    #expect(abs(sum - 1) < 1e-5)
  }

  /// No box that is left out is nearer than one that is told of.
  private func expectNearest(
    _ json: JSONValue, _ parameters: RequestParameters, _ wanted: Recomputed,
    _ result: DetectionResult
  ) throws {
    let evidence = try #require(result.evidence)
    let scale = evidence.frame.xScale
    /// How near a box is; less is nearer.
    func nearness(_ box: BoundingBox) -> Float {
      if let at = parameters.box {
        let asked = BoundingBox(yMin: at[1], xMin: at[0], yMax: at[3], xMax: at[2])
        return -Recomputed.iou(asked, box)
      }
      let at = parameters.point ?? []
      let (width, height) = (box.xMax - box.xMin, box.yMax - box.yMin)
      return max(
        abs(at[0] - (box.xMin + width / 2)) / (width / 2),
        abs(at[1] - (box.yMin + height / 2)) / (height / 2))
    }
    for (name, boxes) in [
      ("anchors", evidence.levels[0].grid.anchors.map { $0.divided(yScale: scale, xScale: scale) }),
      ("candidates", wanted.boxes.map { $0.divided(yScale: scale, xScale: scale) }),
      ("proposals", result.proposals.map(\.box)), ("detections", result.objects.map(\.box)),
    ] {
      let sign: Float = parameters.box == nil ? 1 : -1
      let told = (json[name]?.elements ?? []).compactMap {
        $0[parameters.box == nil ? "distance" : "iou"]?.double.map { sign * Float($0) }
      }
      #expect(told.count == min(parameters.nearestCount, boxes.count), "\(name)")
      #expect(told == told.sorted(), "\(name)")
      for (a, b) in zip(told, boxes.map(nearness).sorted()) {
        #expect(abs(a - b) < 1e-2, "\(name)")
      }
    }
  }

  /// The sentences say what the lists say.
  private func expectSummary(_ json: JSONValue) throws {
    let summary = try #require(json["summary"]?.text)
    func words(_ number: JSONValue?) -> String {
      number?.double.map { "\(Float((Float($0) * 1000).rounded() / 1000))" } ?? "?"
    }
    func whole(_ number: JSONValue?) -> String { number?.double.map { "\(Int($0))" } ?? "?" }
    let candidate = try #require(json["candidates"]?[0])
    let outcome = try #require(candidate["outcome"]?.text)
    let wanted =
      switch outcome {
      case "proposed": "became proposal \(whole(candidate["proposal_index"]))."
      case "suppressed":
        "suppressed by proposal \(whole(candidate["suppressed_by_proposal"])), which it overlaps "
          + "with an IoU of \(words(candidate["suppression_iou"]))."
      case "too_small": "dropped as too small"
      case "beyond_pre_nms_top_n": "not among the best \(whole(candidate["limit"]))."
      default: "\(whole(candidate["limit"])) proposals had been kept before its turn."
      }
    #expect(summary.contains(wanted), "\(wanted)")
    #expect(summary.contains("objectness \(words(candidate["objectness"]))"))
    let proposal = try #require(json["proposals"]?[0])
    #expect(summary.contains("The nearest proposal is \(whole(proposal["proposal_index"])) ("))
    let best = try #require(
      proposal["classes"]?.elements.max { ($0["score"]?.double ?? 0) < ($1["score"]?.double ?? 0) })
    let label = best["label"]?.text ?? "?"
    #expect(summary.contains("best class is \(label) with \(words(best["score"])), "))
    let fate =
      switch best["outcome"]?.text {
      case "detected": "is detection \(whole(best["detection_index"]))."
      case "suppressed": "with an IoU of \(words(best["suppression_iou"]))."
      case "below_threshold": "is not above the threshold of \(words(best["threshold"]))."
      case "not_looked_for": "is not looked for."
      default: "there are \(whole(best["limit"])) better detections."
      }
    #expect(summary.hasSuffix(fate), "\(fate)")
  }

  @Test(arguments: [
    "", "box=1,2,3,4&point=1,2", "box=3,2,1,4", "box=1,2,3,2", "point=1", "box=1,2,3", "point=a,b",
    "point=1,2&nearest=0", "point=1,2&nearest=101",
  ])
  func whatIsNoPlaceIsRefused(query: String) async throws {
    let service = try await RealDetector.service()
    var request = HTTPRequest.detect(query, body: RealDetector.example, type: "image/jpeg")
    request.path = "/explain"
    try expectProblem(try await service.answer(request), 400, "invalid-parameter")
  }

  @Test func aPictureWithoutProposalsIsExplained() async throws {
    let service = try await RealDetector.service()
    var request = HTTPRequest.detect(
      "point=100,100&rpn_min_size=5000", body: RealDetector.example, type: "image/jpeg")
    request.path = "/explain"
    let json = try await service.answer(request).json
    #expect(json["proposals"]?.elements.isEmpty == true)
    #expect(json["candidates"]?[0]?["outcome"] == .string("too_small"))
    #expect(json["summary"]?.text?.contains("no proposal at all") == true)
  }
}
