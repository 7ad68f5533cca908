"""The boot file of the example: trains a small network on handwritten digits and says how good it has become.

ModelArts starts it with ``--data_url``, ``--train_url`` and one option for each parameter of the job. It runs on every
Python from 3.6 and on any scikit-learn from 0.20, as the service's engines are old; arguments it does not know are
ignored, as the service adds some of its own.
"""

# The engines' Python may be as old as 3.6.
# ruff: noqa: E402, PTH103, PTH118, PTH123, UP031

import argparse
import json
import os
import sys
import tempfile
import time

# Before numpy is loaded. The matrices are small: a second thread saves 3 % of the time on an idle machine, and on a
# busy one the threads wait for each other spinning, which took ten times as long.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(library + "_NUM_THREADS", "1")

import numpy as np
from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support
from sklearn.neural_network import MLPClassifier

SIDE = 8  # the images are 8 x 8 pixels
CLASSES = np.arange(10)
REMOTE = ("s3://", "obs://")


def main(argv=None):
    """Train, print one line per epoch, and leave ``model.npz`` and ``metrics.json`` in the output folder."""
    options = parse(argv)
    print("training with", json.dumps(vars(options), sort_keys=True), flush=True)
    started = time.time()
    data = np.load(os.path.join(fetch(options.data_url), "digits.npz"))
    images, labels = shifted_copies(data["train_images"], data["train_labels"])
    print(
        "%d training images, %d of them shifted copies"
        % (len(images), len(images) - len(data["train_images"]))
    )

    model = MLPClassifier(
        hidden_layer_sizes=(options.hidden, options.hidden),
        solver="sgd",
        learning_rate_init=options.learning_rate,
        batch_size=options.batch_size,
        random_state=options.seed,
    )
    curve = []
    for epoch in range(1, options.epochs + 1):
        model.partial_fit(images, labels, classes=CLASSES)
        curve.append(evaluate(model, data["test_images"], data["test_labels"], epoch))
        print(
            "epoch %2d/%d  loss %.4f  test loss %.4f  accuracy %.4f"
            % (epoch, options.epochs, model.loss_, curve[-1]["test_loss"], curve[-1]["accuracy"]),
            flush=True,
        )

    metrics = summary(model, data["test_images"], data["test_labels"])
    metrics.update(learning_rate=options.learning_rate, epochs=options.epochs, curve=curve)
    metrics["seconds"] = round(time.time() - started, 1)
    save(model, metrics, options.train_url)
    print(
        "done: accuracy %.4f after %.1f s" % (metrics["accuracy"], metrics["seconds"]), flush=True
    )


def parse(argv):
    """Read the known options; ModelArts passes more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_url", required=True, help="folder with digits.npz")
    parser.add_argument("--train_url", required=True, help="folder for the results")
    parser.add_argument("--learning_rate", type=float, default=0.001)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=7)
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        print("ignored arguments:", unknown)
    return options


def shifted_copies(images, labels):
    """Add each image moved by one pixel in the eight directions: real handwriting is not centred."""
    square = images.reshape(-1, SIDE, SIDE)
    padded = np.pad(square, ((0, 0), (1, 1), (1, 1)), mode="constant")
    copies = [
        padded[:, 1 + down : 1 + down + SIDE, 1 + right : 1 + right + SIDE]
        for down, right in [
            (0, 0),
            (0, 1),
            (0, -1),
            (1, 0),
            (-1, 0),
            (1, 1),
            (1, -1),
            (-1, 1),
            (-1, -1),
        ]
    ]
    return np.concatenate(copies).reshape(-1, SIDE * SIDE), np.tile(labels, len(copies))


def evaluate(model, images, labels, epoch):
    """Return one point of the learning curve."""
    guesses = model.predict_proba(images)
    return {
        "epoch": epoch,
        "loss": float(model.loss_),
        "test_loss": float(log_loss(labels, guesses, labels=CLASSES)),
        "accuracy": float(accuracy_score(labels, guesses.argmax(axis=1))),
    }


def summary(model, images, labels):
    """Return the figures by which versions are compared, averaged over the ten digits."""
    guesses = model.predict(images)
    precision, recall, f1_score, _ = precision_recall_fscore_support(
        labels, guesses, average="macro"
    )
    return {
        "accuracy": float(accuracy_score(labels, guesses)),
        "precision": float(precision),
        "recall": float(recall),
        "f1_score": float(f1_score),
    }


def save(model, metrics, train_url):
    """Write the weights, as plain arrays that any version can read, and the metrics."""
    folder = tempfile.mkdtemp() if train_url.startswith(REMOTE) else train_url
    os.makedirs(folder, exist_ok=True)
    layers = {"weights_%d" % number: layer for number, layer in enumerate(model.coefs_)}
    layers.update({"bias_%d" % number: layer for number, layer in enumerate(model.intercepts_)})
    np.savez_compressed(os.path.join(folder, "model.npz"), **layers)
    with open(os.path.join(folder, "metrics.json"), "w") as sink:
        json.dump(metrics, sink, indent=2)
    if folder != train_url:
        copy_folder(folder, train_url)


def fetch(data_url):
    """Return a local folder that holds what lies at ``data_url``."""
    if not data_url.startswith(REMOTE):
        return data_url
    folder = tempfile.mkdtemp()
    copy_folder(data_url, folder)
    return folder


def copy_folder(source, target):
    """Copy between object storage and the local disk, with the library that the service's images bring."""
    import moxing

    moxing.file.copy_parallel(source, target)


if __name__ == "__main__":
    sys.exit(main())
