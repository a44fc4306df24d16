import ArgumentParser

/// The program: parsing and wiring, everything else stands in the libraries.
@main
struct FRCNN: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "frcnn",
    abstract: "Faster R-CNN on the CPU: a picture in, proposals and detections out.",
    discussion: """
      A model is part of the program: it finds red cells, white cells and platelets in pictures \
      of blood smears. Other models are files of safetensors, PyTorch, NumPy or Caffe, given with --model.

      Try it:
        frcnn serve                                   serve on http://127.0.0.1:8080
        curl --data-binary @photo.jpg localhost:8080/detect
        frcnn detect photo.jpg                        the same without a server
        frcnn detect photo.jpg --annotate boxes       draw what was found
        frcnn train my-pictures -o mine.safetensors   learn from pictures of your own
      """,
    version: Version.string,
    subcommands: [
      ServeCommand.self, DetectCommand.self, TrainCommand.self, EvaluateCommand.self,
      InspectCommand.self,
      ConvertCommand.self, CalibrateCommand.self, InitCommand.self, HealthCommand.self,
      BenchCommand.self,
      BenchBodyCommand.self,
    ])
}
