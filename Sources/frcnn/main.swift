print("frcnn")
