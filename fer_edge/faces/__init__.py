"""Faces: FER2013 as folders, FER2013 as Kaggle's CSV file, or faces drawn by formula."""

from fer_edge.faces.dataset import CLASSES, SPLITS, Faces
from fer_edge.faces.sources import load, train_and_val

__all__ = ["CLASSES", "SPLITS", "Faces", "load", "train_and_val"]
