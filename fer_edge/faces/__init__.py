"""Faces: FER2013 as folders or as Kaggle's CSV file, FERPlus' votes on it, any folder of classes, drawn faces."""

from fer_edge.faces.dataset import CLASSES, SPLITS, Faces
from fer_edge.faces.selection import Selection
from fer_edge.faces.sources import classes, load, train_and_val

__all__ = ["CLASSES", "SPLITS", "Faces", "Selection", "classes", "load", "train_and_val"]
