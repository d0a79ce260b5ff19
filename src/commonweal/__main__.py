"""`python -m commonweal` is `commonweal`."""

if __name__ == "__main__":
    import sys

    if not sys.flags.safe_path:
        del sys.path[0]  # the current folder, which may be a stranger's
    from .cli import main

    main()
