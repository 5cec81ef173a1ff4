/**
 * The process a Python solution runs in, as text: it is written beside the solution, so it needs no file of ours. Same frames as
 * `learner-process.ts`. Its audit hook refuses files outside Python's own folders, sockets, processes and threads; a hook cannot be taken off.
 */
export const learnerPython: string = String.raw`
import json, math, os, sys

def main():
    channel = 3

    def read_bytes(count):
        parts = []
        while count > 0:
            part = os.read(channel, min(count, 1 << 20))
            if not part:
                os._exit(0)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def receive(loads=json.loads):
        return loads(read_bytes(int.from_bytes(read_bytes(4), "little")))

    def send(message, dumps=json.dumps):
        body = dumps(message, allow_nan=False).encode()
        data = memoryview(len(body).to_bytes(4, "little") + body)
        while data:
            data = data[os_write(channel, data):]

    os_write = os.write
    specials = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf, "-0": -0.0}
    start = receive()
    nonce = start["nonce"]

    def encode(value, depth=0):
        if depth > 40:
            raise TypeError("the answer is nested too deeply, or holds itself")
        if value is None or isinstance(value, (bool, str)):
            return value
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            if value != value:
                return {"$n": "NaN"}
            if value in (math.inf, -math.inf):
                return {"$n": "Infinity" if value > 0 else "-Infinity"}
            return {"$n": "-0"} if value == 0 and math.copysign(1, value) < 0 else value
        if isinstance(value, (list, tuple)):
            return [encode(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {str(key): encode(item, depth + 1) for key, item in value.items()}
        raise TypeError("a " + type(value).__name__ + " cannot be an answer: return numbers, strings, booleans, lists and dicts")

    def remote(name):
        def call(*args):
            send({"nonce": nonce, "type": "call", "name": name, "args": encode(list(args))})
            reply = receive()
            if "thrown" in reply:
                raise RuntimeError(reply["thrown"])
            return decode(reply.get("value"))
        return call

    def decode(value):
        if isinstance(value, list):
            return [decode(item) for item in value]
        if isinstance(value, dict):
            if isinstance(value.get("$n"), str):
                return specials[value["$n"]]
            if isinstance(value.get("$f"), str):
                return remote(value["$f"])
            return {key: decode(item) for key, item in value.items()}
        return value

    def describe(error):
        line = None
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == start["file"]:
                line = trace.tb_lineno
            trace = trace.tb_next
        if isinstance(error, SyntaxError):
            line = error.lineno
        if isinstance(error, MemoryError):
            return "MemoryError: the memory limit was reached"
        return type(error).__name__ + ": " + str(error) + ("" if line is None else " (line " + str(line) + ")")

    with open(start["file"], encoding="utf-8") as file:
        source = file.read()
    if "numpy" in source:
        try:
            import numpy  # before the hook: its loading opens libraries
        except ImportError:
            pass
    try:
        import resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if start["memoryBytes"]:
            resource.setrlimit(resource.RLIMIT_DATA, (start["memoryBytes"], start["memoryBytes"]))
    except (ImportError, ValueError, OSError):
        pass
    fasten(os.path.realpath, os.sep)
    namespace = {"__name__": "solution", "__file__": start["file"], "__builtins__": __builtins__}
    try:
        exec(compile(source, start["file"], "exec"), namespace)
        solve = namespace.get(start["entry"])
        if not callable(solve):
            raise NameError("the file defines no function named " + start["entry"])
    except BaseException as error:
        send({"nonce": nonce, "type": "refused", "message": describe(error)})
        os._exit(0)
    send({"nonce": nonce, "type": "ready"})
    while True:
        args = decode(receive()["args"])
        try:
            answer = encode(solve(*args))
            message = {"nonce": nonce, "type": "answer", "value": answer}
        except (Exception, MemoryError, RecursionError, SystemExit, KeyboardInterrupt) as error:
            message = {"nonce": nonce, "type": "error", "message": describe(error)}
        try:
            sys.stdout.flush()
        except BaseException:
            pass
        send(message)

def fasten(realpath, sep):
    roots = tuple({realpath(folder).rstrip(sep) + sep for folder in sys.path + [sys.prefix, sys.base_prefix] if folder and realpath(folder) != sep})
    import encodings.idna, collections, heapq, itertools, functools, random, bisect, statistics, fractions, decimal, re, dataclasses, typing, hashlib, datetime, string, copy, cmath, operator
    modules = frozenset(["ctypes", "_ctypes", "_posixsubprocess", "_posixshmem", "_multiprocessing", "_socket", "socket", "subprocess", "multiprocessing", "pty", "fcntl", "mmap", "readline"])
    families = ("os.", "socket.", "subprocess.", "shutil.", "ctypes.", "mmap.", "pty.", "fcntl.", "gc.", "tempfile.", "_thread.", "_posixsubprocess.", "signal.", "syslog.", "sqlite3.", "webbrowser.", "urllib.", "resource.", "sys.addaudithook", "cpython.run")
    def hook(event, args, roots=roots, modules=modules, families=families, realpath=realpath, isinstance=isinstance, str=str, bytes=bytes):
        if event == "open":
            path, mode, flags = args
            if isinstance(path, bytes):
                path = path.decode("utf-8", "replace")
            writes = isinstance(flags, int) and flags & 0o1003 != 0 or isinstance(mode, str) and any(letter in mode for letter in "wax+")
            if writes or not isinstance(path, str) or not realpath(path).startswith(roots):
                raise PermissionError("a lab's solution opens no files, and this one asks for " + str(path))
        elif event == "import":
            if args[0] in modules:
                raise ImportError("a lab's solution may not import " + str(args[0]))
        elif event == "os.listdir" or event == "os.scandir":
            path = args[0] if isinstance(args[0], str) else "."
            if not (realpath(path) + "/").startswith(roots):
                raise PermissionError("a lab's solution reads no folders, and this one asks for " + str(path))
        elif event.startswith(families):
            raise PermissionError("a lab's solution may not do this: " + event)
    sys.addaudithook(hook)

main()
`.trimStart();
